"""What runs inside the sandbox: it imports nothing of cnnlesson, which is not there."""
