"""The configuration tree, installed as ``rlx.conf`` so that it is there without a checkout too."""
