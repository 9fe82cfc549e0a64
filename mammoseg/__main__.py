"""`python -m mammoseg`: the command line where the folder of the command is not on the path."""

from mammoseg.cli import main

if __name__ == "__main__":
    main()
