"""Reports: runs, sweeps and searches as one HTML file that needs no other file.

`runs`, `sweeps` and `searches` make the chapters from `elements`. `charts` makes figures small
enough to send. `page` puts all of it into one file. Numbers are those of the screen: nothing is
computed here that an analysis has not computed.
"""
