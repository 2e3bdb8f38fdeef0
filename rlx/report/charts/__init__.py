"""Charts described once: what each shows of a hold-out, whoever draws it."""
