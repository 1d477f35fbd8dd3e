"""The layouts of pictures with boxes, a file each."""

from minidl.data.boxes._formats import coco, kitti, open_images, voc, yolo_text

FORMATS = (voc, kitti, open_images, yolo_text, coco)  # the most telling first
