"""`python -m asicbnn` is the `asicbnn` command."""

from asicbnn.cli import main

if __name__ == "__main__":
    main()
