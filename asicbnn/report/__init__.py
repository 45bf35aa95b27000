"""What we say: tables for the terminal, figures for papers, one page for a reader."""
