"""Which files are the channels of one cell, decided by their names alone; nothing is opened.

`choose_naming` looks at the names of all folders together, so that a marker is the same channel
everywhere. It is certain of known markers (`DAPI`, `PE`, `BF`) and numbered channels
(`Ch3`, `C1-`, `_c0`, `_w2`), and asks where the names can be read in more than one way.

marker_words   what the field calls its channels
marked_names   the markers in a name
field_readings parts of a name that may be a channel, whatever they are called
recognise      which of these readings is right; a question where that is not clear
naming         the cells, their files and the numbers of their channels
masks          files that are masks of images, which are no cells
variants       cells that may be several images of one cell
by_pattern     the reading that the user entered
questions      what is asked, and what would come of each answer
choose_naming  all of this, for the folders of an input
"""
