"""Stands in for the OCR service: what its environment promises must be there, and its volume must be writable."""

import os
import sys

import stub

NEEDED = (
    "MIN_CONFIDENCE", "MODEL_PATH", "SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY", "OPENAI_API_KEY", "OCR_SPACE_API_KEY",
    "AZURE_OCR_KEY", "GOOGLE_VISION_API_KEY", "GEMINI_API_KEY",
)
missing = [name for name in NEEDED if not os.environ.get(name)]
if missing:
    sys.exit(f"ocr: not in the environment: {', '.join(missing)}")
os.makedirs(os.environ["MODEL_PATH"], exist_ok=True)
sys.argv = ["ocr", "ocr", "8001", "--bind", "0.0.0.0"]
stub.main()
