"""The routes: the Developer API's, Vertex AI's, files, storage, batches and tuning jobs."""
