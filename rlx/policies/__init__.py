"""Everything that can be judged: trained checkpoints, baselines and files of weights behind one ``Policy`` protocol."""
