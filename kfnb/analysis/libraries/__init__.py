"""What is known of library calls, as tables: changes, views, random draws, settings, calls that are pure and cheap."""
