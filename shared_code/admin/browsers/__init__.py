"""What a browser needs beside a program: proof that a page of ours asks, and answers that spare what is the same."""
