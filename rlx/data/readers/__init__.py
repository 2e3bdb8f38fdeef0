"""Readers of price files: bytes to tables, tables to columns, columns to bars of symbols."""
