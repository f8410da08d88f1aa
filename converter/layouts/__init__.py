"""Arrangements of files that several formats share: image folders, class lists, YOLO trees.

Formats never import each other; what two of them have in common lies here.
"""
