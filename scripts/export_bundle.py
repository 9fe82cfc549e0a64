"""Export a bundle with its weights as a self-contained folder and a zip of it; the same as `mammoseg export`.

Usage: python scripts/export_bundle.py unet --weights FILE --output DIR [--formats torchscript,torch_export,onnx]
"""

import sys

from mammoseg.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "export")
    main()
