"""What every command needs of the machine: files, processes, interrupts, time, memory and the
terminal.
"""
