"""Train a policy and judge it: ``python train.py --help`` says how."""

from rlx.app.start import train_main

if __name__ == "__main__":
    train_main()
