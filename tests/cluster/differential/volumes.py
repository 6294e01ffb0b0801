"""Every source of a volume that the API knows, as its validation accepts it (pkg/apis/core/validation)."""

from typing import Any

ALLOWED: dict[str, dict[str, Any]] = {
    "configMap": {"name": "x"},
    "csi": {"driver": "x.example"},
    "downwardAPI": {"items": []},
    "emptyDir": {},
    "ephemeral": {
        "volumeClaimTemplate": {
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        }
    },
    "image": {"reference": "x"},
    "persistentVolumeClaim": {"claimName": "x"},
    "projected": {"sources": [{"configMap": {"name": "x"}}]},
    "secret": {"secretName": "x"},
}
"""The sources that restricted accepts."""

FORBIDDEN: dict[str, dict[str, Any]] = {
    "hostPath": {"path": "/x"},
    "gcePersistentDisk": {"pdName": "x"},
    "awsElasticBlockStore": {"volumeID": "x"},
    "gitRepo": {"repository": "x"},
    "nfs": {"server": "x", "path": "/"},
    "iscsi": {"targetPortal": "127.0.0.1:3260", "iqn": "iqn.2015-02.example.com:test", "lun": 0},
    "glusterfs": {"endpoints": "x", "path": "y"},
    "rbd": {"monitors": ["x"], "image": "y"},
    "flexVolume": {"driver": "example.com/x"},
    "cinder": {"volumeID": "x"},
    "cephfs": {"monitors": ["x"]},
    "flocker": {"datasetName": "x"},
    "fc": {"targetWWNs": ["x"], "lun": 1},
    "azureFile": {"secretName": "x", "shareName": "y"},
    "vsphereVolume": {"volumePath": "x"},
    "quobyte": {"registry": "x:1", "volume": "y"},
    "azureDisk": {"diskName": "x", "diskURI": "https://blob/x.vhd", "kind": "Shared", "cachingMode": "None"},
    "photonPersistentDisk": {"pdID": "x"},
    "portworxVolume": {"volumeID": "x"},
    "scaleIO": {"gateway": "https://x", "system": "s", "volumeName": "v", "secretRef": {"name": "x"}},
    "storageos": {"volumeName": "x"},
}
"""The others. Most are of storage that is gone, but the API still accepts and Pod Security still judges them."""
