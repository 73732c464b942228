"""Report: runs, sweeps and searches as one HTML file that needs nothing else, to be read, printed,
or sent to a colleague.

`runs`, `sweeps` and `searches` say what a report of each has in it, as `parts`; `pictures` makes
figures small enough to be sent; `page` puts all of it into one file. Nothing is computed here that
an analysis has not computed: numbers are those of the screen.
"""
