"""Tokens of the texts that every call sends, so that most processes never load a vocabulary.

One takes up to 0.8 s to load and 80 MB to keep. This module is written by ``python -m devstack.counted_texts``.
"""

VOCABULARIES = ("gemma3", "gemma4", "o200k_base")
#: by the digest of a text, see :func:`.estimates.digest_of`: its tokens by each of the vocabularies, in their order
COUNTS: dict[str, tuple[int, ...]] = {
    "2f84d003f15daf9a291270ef145610d7": (112, 112, 110),
    "988089e1129cf8b5e1e4f4ad2f91123f": (2509, 2509, 2429),
    "5c5b4fcf2e463e0af0add116584b34b1": (848, 848, 775),
    "52535b4363119c82106aa4bc72d7fa05": (848, 848, 775),
    "e5093997ff45303cc840d274f11e5563": (848, 848, 775),
    "83e881df0c31f2f9e1733acdf16a6eb7": (848, 848, 775),
    "7b6d6d7e2bf72b44eb24c0cddcf04944": (848, 848, 775),
    "97b396c35d337516a7eb200523997716": (848, 848, 775),
    "82f50cae4ad6c88a8d06ec44e2f7a581": (848, 848, 775),
    "40a33db904ea9a77cd9e75247bc9ad38": (848, 848, 775),
    "c3467c6781a02916c46d771f057de27d": (848, 848, 775),
    "c400e5f0ec31cc335ae77549a78af429": (849, 849, 775),
    "6669840d01e8463f8ab8a5f2303a1480": (849, 849, 775),
    "b8f18d27e98d4f2402393a71f85efc58": (849, 849, 775),
    "818fd2d33a2a0a336870161418c4b896": (849, 849, 775),
    "136af634681cb0d03f59cd5bfb28238d": (849, 849, 775),
    "a6d620e9842eaee9d4efd79fd41971c5": (849, 849, 775),
    "abf7cba7328c02317e3ec1dd491878f9": (849, 849, 775),
    "ac71260c2e49eb5a59834c5e72a62c9a": (849, 849, 775),
    "4c701fd0935c5fc6afb4bed68b5d05bd": (849, 849, 775),
    "db867a75f3955030b9d03ebe43eb671f": (849, 849, 775),
    "ae51c9963070e1f4d4e0e668a38dff24": (849, 849, 775),
    "428759b4ce85db8f1e49c62f8be278e1": (849, 849, 775),
    "a3590b2e025d904f73b640cb90998d85": (849, 849, 775),
    "efdbdf0a3120a9488e519ff950bc08a1": (849, 849, 775),
    "da45650340b25b9d0e2b0318130bc3a5": (849, 849, 775),
    "5de2724e77f2af7806cca42c57181813": (849, 849, 775),
    "b269b021882b09b8ea6dec7207f79bad": (849, 849, 775),
    "6a26640480c708a4df1d7ca1b8b7a098": (849, 849, 775),
    "47e969ca90b73f6d288326d752793401": (849, 849, 775),
    "21539fdf6263ff0ef8fb82714d06401a": (849, 849, 775),
    "3d5d4813439fca0a996a5b26c85d05a1": (849, 849, 775),
}
