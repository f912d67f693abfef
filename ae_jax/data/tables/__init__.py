"""Tables: files and data frames of columns of several kinds."""
