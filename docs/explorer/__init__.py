"""The pictures of docs/explorer.md, and how they are taken."""
