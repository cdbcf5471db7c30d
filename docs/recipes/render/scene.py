"""Renders one frame of a turning cube with Cycles: RERIG_INDEX of RERIG_COUNT."""
import math
import os

import bpy

frame, frames = int(os.environ["RERIG_INDEX"]), int(os.environ["RERIG_COUNT"])
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 16
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y = 320, 180
scene.render.resolution_percentage = 100
bpy.data.objects["Cube"].rotation_euler.z = math.tau / 4 * frame / frames
scene.render.filepath = "/out/frame.png"
bpy.ops.render.render(write_still=True)
