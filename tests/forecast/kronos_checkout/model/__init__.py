from .kronos import Kronos, KronosTokenizer

__all__ = ["Kronos", "KronosTokenizer"]
