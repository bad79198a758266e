"""What the machine is and what it gives to this process: processor, cores, memory, energy. Standard library alone.

Each question takes the `root` of the file system that it reads, so that tests answer from fixtures. Where an operating
system does not tell, the answer is None, never a guess.
"""
