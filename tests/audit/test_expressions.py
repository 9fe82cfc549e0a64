"""Expressions of configs: what computes passes, what reaches the rest of Python does not."""

import pytest

from mammoseg.audit.expressions import find_faults_in_expression

HARMLESS = [
    "@device.type == 'cuda'",
    "@max_epochs * len(@train::dataloader) // 10",
    "@train::batch_augmentation or monai.engines.PrepareBatchDefault()",
    "[lambda named: 'encoder.' in named[0]]",
    "torch.device('cuda:' + os.environ['LOCAL_RANK'] if torch.cuda.is_available() else 'cpu')",
    "isinstance(@lr_scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)",
    "monai.handlers.from_engine(['loss'], first=True)",
    "sorted(os.path.join(@root, name) for name in @names)",
    "import torch.distributed as dist",
    "2**20",
]

HOSTILE = [
    ("os.system('id')", "uses os.system"),
    ("__import__('os').system('id')", "uses __import__"),
    ("import subprocess", "imports subprocess"),
    ("from os import system", "imports os.system"),
    ("import os; os.system('id')", "is no expression of Python"),
    ("@network.__class__.__mro__[1].__subclasses__()", "uses .__subclasses__()"),
    ("().__class__.__base__", "uses .__base__"),
    ("torch.hub.load('a', 'b')", "uses torch.hub.load"),
    ("torch.load('models/model.pt', weights_only=False)", "uses torch.load"),
    ("torch.os.system('id')", "uses torch.os.system"),
    ("monai.bundle.run()", "uses monai.bundle.run"),
    ("monai.transforms.utils.os.system('id')", "uses monai.transforms.utils.os.system"),
    ("monai.data.PersistentDataset", "uses monai.data.PersistentDataset"),
    ("np.load('a.npy', allow_pickle=True)", "uses numpy.load"),
    ("getattr(torch, 'hub')", "uses getattr"),
    ("eval('1')", "uses eval"),
    ("open('/etc/passwd').read()", "uses open"),
    ("'{0.__class__}'.format(@a)", "uses .format()"),
    ("(lambda os: os)(1) or os.system('id')", "uses .system()"),
    ("[system for system in [os.system]]", "uses os.system"),
    ("f'{os.system(1)}'", "uses os.system"),
    ("@imports#0.system('id')", "uses .system()"),
    ("9**9**9", "takes a power that may be without bound"),
    ("'a' << @n", "takes a power that may be without bound"),
    ("(x := 1)", "has NamedExpr"),
    ("glob.os.system('id')", "uses glob.os.system"),
    ("print(torch)", "uses torch"),
    ("1 +" * 3000, "is longer than 4000 letters"),
    ("(" * 999, "is no expression of Python"),
    ("\0", "is no expression of Python"),
]

NAMES = {"os": "os", "glob": "glob", "dist": "torch.distributed"}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_computes_passes(text):
    assert list(find_faults_in_expression(text, NAMES)) == []


@pytest.mark.parametrize(("text", "fault"), HOSTILE)
def test_what_reaches_further_is_named(text, fault):
    assert fault in list(find_faults_in_expression(text, NAMES))
