"""Questions asked of a dataset before somebody trains on it; one module a question.

What looks at one image runs in the workers and is a pure function of a `Subject`; what
looks at the whole set is a pure function of the small `Facts` that the workers hand back.
Nothing here reads a file, and nothing here decides what is an error: the catalog does.
"""
