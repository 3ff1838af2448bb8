"""Who must be told, through which channel, was it received?"""
