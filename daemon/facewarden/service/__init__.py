"""The order of everything: the loop, one photo's journey, what an earlier run left open, what is owed."""
