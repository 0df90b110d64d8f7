"""``python -m kfnb``."""

from kfnb.cli import main

if __name__ == "__main__":
    main()
