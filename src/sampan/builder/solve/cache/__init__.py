"""What builds leave behind to be faster the next time: records, their layers, and who may go first."""
