"""What every verb that works on a data set needs: folder, lock, log, interruption, progress."""
