"""The artefact of format 'torch': a module of PyTorch, written from a traced graph."""
