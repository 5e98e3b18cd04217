"""Real videos: files → uint8 clips.

Nothing is imported here, for worker processes pass by and must not load torch.
"""
