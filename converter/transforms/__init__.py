"""What a user may ask to be changed on the way: classes."""
