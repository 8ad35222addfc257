.PHONY: demo test lint bench fuzz
