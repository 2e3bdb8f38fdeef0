"""What a policy sees and what it says: observations, their encoding, and the head that makes weights of actions."""
