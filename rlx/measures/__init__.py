"""What a finished book comes to: pure functions of returns and ledgers, and the metrics, each declared once."""
