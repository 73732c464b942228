"""Analysis: accounts of a recorded run, by code of its own.

It reads tables, rebuilds the worlds from the recorded parameters, and computes with
`evosim.reference`. It never imports the simulator or a kernel, so it can say that they are wrong.
"""
