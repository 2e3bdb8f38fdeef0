"""Judge any policy: ``python evaluate.py --help`` says how."""

from rlx.app.start import evaluate_main

if __name__ == "__main__":
    evaluate_main()
