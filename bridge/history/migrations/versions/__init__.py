"""One module a version. Old ones are never edited: databases out there went through them."""
