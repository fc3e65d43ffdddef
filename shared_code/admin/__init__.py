"""The admin API: a FastAPI app inside TokenAdminFunction, one module per noun."""
