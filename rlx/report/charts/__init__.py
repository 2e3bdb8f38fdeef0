"""Charts described once, independently of how they are drawn: what each shows of a hold-out."""
