"""What of a name from outside may be printed: names are secrets too."""
