"""The page in a real browser against a real server: `pytest tests/browser`.

Needs Chromium: `DEEPOMETRY_CHROMIUM`, or one that the system has. Without one these tests are
skipped, or fail where `DEEPOMETRY_REQUIRE_BROWSER` is 1.
"""
