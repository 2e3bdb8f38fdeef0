"""placeholder"""


def run_illusion(cfg, resolved, run_dir, argv):
    raise NotImplementedError
