"""What the real package's star import brings."""

import torch
from torch import nn

__all__ = ["nn", "torch"]
