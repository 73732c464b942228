"""Tools of every command: files, processes, interrupts, time, memory and the terminal."""
