"""The checks, one file each: can the estimate be trusted?"""
