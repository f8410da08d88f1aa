"""Puts the rooms together: opening, converting, packing, verifying, inspecting."""
