"""Worker processes of queues: the settings that they share with the test that starts them."""
