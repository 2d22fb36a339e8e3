"""What can be set for a camera while the bridge runs: what it offers, what may be asked, who asked and was answered."""
